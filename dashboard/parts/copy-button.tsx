import { useEffect, useState } from 'preact/hooks';

const SHOWN_MS = 1_500;

/** Copies `text`; says that it did. */
export function CopyButton({ text, label = 'Copy', plain }: { text: string; label?: string; plain?: boolean }) {
  const [state, setState] = useState<'idle' | 'done' | 'refused'>('idle');
  useEffect(() => {
    if (state === 'idle') return;
    const timer = setTimeout(() => setState('idle'), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [state]);
  const copy = () =>
    copyText(text).then(
      () => setState('done'),
      () => setState('refused'),
    );
  return (
    <button type="button" class={plain ? 'small plain' : 'small'} onClick={copy}>
      <span aria-live="polite">{state === 'done' ? 'Copied' : state === 'refused' ? 'Not allowed' : label}</span>
    </button>
  );
}

/** The clipboard needs https or localhost; elsewhere the old way still works. */
async function copyText(text: string): Promise<void> {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  const copied = document.execCommand('copy');
  area.remove();
  if (!copied) throw new Error('copying was refused');
}
