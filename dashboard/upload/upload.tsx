import { useState } from 'preact/hooks';
import { bytes } from '../../src/format/numbers.js';
import { type Chosen, droppedFiles } from './dropped-files.js';
import { areModels, isName, MODEL_FILE, type Named, offeredName, ownName } from './names.js';
import { Transfers } from './transfers.js';
import { useTransfers } from './use-transfers.js';

interface UploadProps {
  /** The checkpoint files are added to; asked for where none is given. */
  checkpoint?: string;
  onStored: () => void;
}

/** Choose or drop files, say what they are, and watch them arrive. */
export function Upload({ checkpoint, onStored }: UploadProps) {
  const [chosen, setChosen] = useState<Chosen>();
  const [over, setOver] = useState(false);
  const { transfers, add, pause, resume, remove } = useTransfers(onStored);
  const choose = (next: Chosen) => {
    if (next.files.length === 0) return;
    if (!checkpoint) return setChosen(next);
    add(next.files.map((file) => ({ checkpoint, name: file.name, file })));
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    if (event.dataTransfer) void droppedFiles(event.dataTransfer).then(choose);
  };
  return (
    <section class="card" aria-labelledby="upload">
      <header>
        <h2 id="upload">{checkpoint ? 'Add files' : 'Upload'}</h2>
      </header>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: dropping is for pointers; the button does the same */}
      <div
        class={over ? 'drop over' : 'drop'}
        onDragOver={(event) => {
          event.preventDefault();
          setOver(true);
        }}
        onDragLeave={() => setOver(false)}
        onDrop={drop}
      >
        <label class="button">
          Choose files
          <input
            type="file"
            multiple
            class="visually-hidden"
            onChange={(event) => {
              choose({ files: [...(event.currentTarget.files ?? [])] });
              event.currentTarget.value = '';
            }}
          />
        </label>
        <span class="quiet">or drop files or a folder here: .safetensors, config.json, tokenizer files</span>
      </div>
      {chosen && (
        <Naming
          key={chosen.files.map(({ name }) => name).join('/')}
          chosen={chosen}
          onCancel={() => setChosen(undefined)}
          onStart={(named) => {
            add(named);
            setChosen(undefined);
          }}
        />
      )}
      <Transfers transfers={transfers} onPause={pause} onResume={resume} onRemove={remove} />
    </section>
  );
}

interface NamingProps {
  chosen: Chosen;
  onStart: (files: Named[]) => void;
  onCancel: () => void;
}

/** Which checkpoint chosen files become: one, or one each. */
function Naming({ chosen: { files, folder }, onStart, onCancel }: NamingProps) {
  const names = files.map(({ name }) => name);
  const several = files.length > 1 && names.every((name) => name.endsWith('.safetensors'));
  const [each, setEach] = useState(!folder && areModels(names));
  const [name, setName] = useState(offeredName(names, folder));
  const wrong = !each && !isName(name);
  const named = (): Named[] =>
    files.map((file) =>
      each ? { checkpoint: ownName(file.name), name: MODEL_FILE, file } : { checkpoint: name, name: file.name, file },
    );
  const start = (event: Event) => {
    event.preventDefault();
    if (!wrong) onStart(named());
  };
  return (
    <form class="body stack naming" onSubmit={start}>
      {several && (
        <fieldset class="row">
          <legend class="visually-hidden">What the files are</legend>
          <label class="row">
            <input type="radio" name="each" checked={each} onChange={() => setEach(true)} />A checkpoint each
          </label>
          <label class="row">
            <input type="radio" name="each" checked={!each} onChange={() => setEach(false)} />
            Parts of one checkpoint
          </label>
        </fieldset>
      )}
      {each ? (
        <p>
          They become the checkpoints <strong>{files.map((file) => ownName(file.name)).join(', ')}</strong>.
        </p>
      ) : (
        <label class="field">
          <span>Name of the checkpoint</span>
          <input
            value={name}
            aria-invalid={name !== '' && wrong}
            aria-describedby="name-rule"
            onInput={(event) => setName(event.currentTarget.value)}
          />
          <span id="name-rule" class="small quiet">
            Letters, digits, “.”, “_”, “-”; a file of the same name is replaced.
          </span>
        </label>
      )}
      <p class="small quiet">
        {files.length === 1 ? names[0] : `${files.length} files`},{' '}
        {bytes(files.reduce((sum, { size }) => sum + size, 0))}
      </p>
      <div class="actions">
        <button type="submit" class="primary" disabled={wrong}>
          Upload
        </button>
        <button type="button" onClick={onCancel}>
          Discard
        </button>
      </div>
    </form>
  );
}
