import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from 'playwright-core';

export const WIDE = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

/** Serious findings of axe on what is shown, in light and in dark, and whether the page fits a phone. */
export async function findings(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    // The page has no frames: without looking for them axe takes a fraction of the time.
    const axe = new AxeBuilder({ page }).setLegacyMode(true);
    // Of what axe looks at, only contrast depends on the theme.
    const { violations } = await (colorScheme === 'dark' ? axe.withRules('color-contrast') : axe).analyze();
    for (const { id, impact, nodes } of violations)
      if (impact === 'serious' || impact === 'critical')
        found.push(`${colorScheme}: ${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(' | ')}`);
  }
  await page.setViewportSize(PHONE);
  const overflow = await page.evaluate<number>('document.documentElement.scrollWidth - innerWidth');
  if (overflow > 0) found.push(`${overflow} px too wide for a phone`);
  await page.setViewportSize(WIDE);
  return found;
}
