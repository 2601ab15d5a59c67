import { authorization, RequestError } from '../../src/client/index.js';
import { urlOf } from './base-url.js';
import { options } from './client.js';
import { session } from './session.js';

interface SavePicker {
  showSaveFilePicker?: (options: {
    suggestedName: string;
  }) => Promise<{ createWritable: () => Promise<WritableStream> }>;
}

/** Time for the browser to take over what a link points at. */
const RELEASE_MS = 60_000;

/**
 * Save a file of the API that needs a key, which a link cannot carry: straight to disk where the browser can, through
 * memory elsewhere.
 */
export async function download(path: string, file: string): Promise<void> {
  const { showSaveFilePicker } = window as SavePicker;
  // Asked first: the dialog must follow the click at once.
  const place = await showSaveFilePicker?.call(window, { suggestedName: file }).catch((error: DOMException) => {
    if (error.name === 'AbortError') return null;
    throw error;
  });
  if (place === null) return;
  const response = await fetchWithKey(path);
  if (place && response.body) return response.body.pipeTo(await place.createWritable());
  const url = URL.createObjectURL(await response.blob());
  const link = document.createElement('a');
  link.href = url;
  link.download = file;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), RELEASE_MS);
}

/** Show a job's report in a tab of its own. @throws RequestError where it has none */
export async function openReport(id: string): Promise<void> {
  const path = `/v1/jobs/${id}/report`;
  // Opened at the click, filled later: browsers block what opens by itself.
  const tab = window.open('', '_blank');
  try {
    const response = await fetchWithKey(path);
    if (!tab) return;
    if (!session.get().key) tab.location.href = urlOf(path);
    else tab.location.href = URL.createObjectURL(await response.blob());
  } catch (error) {
    tab?.close();
    throw error;
  }
}

/** @throws RequestError */
async function fetchWithKey(path: string): Promise<Response> {
  const response = await options.fetch(urlOf(path), { headers: authorization(options) });
  if (!response.ok) throw new RequestError(response.status, await response.json().catch(() => undefined));
  return response;
}
