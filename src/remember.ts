/** Put an entry into a bounded map as its newest; instead of the oldest one where there are `most`. */
export function remember<K, V>(entries: Map<K, V>, key: K, value: V, most: number): void {
  entries.delete(key);
  if (entries.size >= most) {
    const [oldest] = entries.keys();
    entries.delete(oldest as K);
  }
  entries.set(key, value);
}
