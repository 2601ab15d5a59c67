import { useEffect, useState } from 'preact/hooks';

const STORED_THEME = 'weightfold.theme';
const THEMES = ['system', 'light', 'dark'] as const;
export type Theme = (typeof THEMES)[number];

const dark = matchMedia('(prefers-color-scheme: dark)');
const stored = (): Theme => THEMES.find((theme) => theme === localStorage.getItem(STORED_THEME)) ?? 'system';

const shown = (): 'light' | 'dark' => {
  const theme = stored();
  return theme === 'system' ? (dark.matches ? 'dark' : 'light') : theme;
};

/** Put the chosen theme, or the system's, on the page. */
export function applyTheme(): void {
  document.documentElement.dataset.theme = shown();
  dispatchEvent(new Event('themechange'));
}
dark.addEventListener('change', applyTheme);

/** The chosen theme and how to choose the next one. */
export function useTheme(): { theme: Theme; next: () => void } {
  const [theme, setTheme] = useState(stored);
  const next = () => {
    const chosen = THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length];
    localStorage.setItem(STORED_THEME, chosen);
    setTheme(chosen);
    applyTheme();
  };
  return { theme, next };
}

/** Which of light and dark is shown now; for what takes colours as values, such as plots. */
export function useShownTheme(): 'light' | 'dark' {
  const [theme, setTheme] = useState(shown);
  useEffect(() => {
    const change = () => setTheme(shown());
    addEventListener('themechange', change);
    return () => removeEventListener('themechange', change);
  }, []);
  return theme;
}
