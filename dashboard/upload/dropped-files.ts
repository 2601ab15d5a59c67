export interface Chosen {
  files: File[];
  /** Folder they came from, where one was dropped. */
  folder?: string;
}

/** Files of a drop; of a folder, those directly in it. */
export async function droppedFiles(transfer: DataTransfer): Promise<Chosen> {
  // Entries are gone once the event is over: all are taken before anything is waited for.
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry()).filter((entry) => entry !== null);
  const files = [...transfer.files];
  const folder = entries.find((entry) => entry.isDirectory) as FileSystemDirectoryEntry | undefined;
  if (!folder) return { files };
  const inside = await Promise.all((await entriesOf(folder)).filter((entry) => entry.isFile).map(fileOf));
  return { files: inside.filter(({ name }) => !name.startsWith('.')), folder: folder.name };
}

const fileOf = (entry: FileSystemEntry) =>
  new Promise<File>((resolve, reject) => (entry as FileSystemFileEntry).file(resolve, reject));

async function entriesOf(folder: FileSystemDirectoryEntry): Promise<FileSystemEntry[]> {
  const reader = folder.createReader();
  const found: FileSystemEntry[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return found;
    found.push(...some);
  }
}
