/** Where the service is: the folder this page was loaded from, without a slash at its end. */
export const BASE_URL = new URL('.', location.href.split('#')[0]).href.replace(/\/$/, '');

/** A path of the API (`/v1/…`) as this page reaches it. */
export const urlOf = (path: string) => BASE_URL + path;
