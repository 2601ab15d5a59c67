const KINDS = {
  exact: { look: 'good', hint: 'The change of basis commutes with everything between the layers.' },
  selection: { look: 'accent', hint: 'Units or heads are kept or dropped whole.' },
  approximate: {
    look: 'warn',
    hint: 'Something between the layers does not commute with the basis: an initialisation.',
  },
} as const;

/** Whether a space may be reduced this way without an approximation beside the dropped directions. */
export function Legality({ value, reason }: { value: keyof typeof KINDS; reason?: string }) {
  return (
    <span class={`tag ${KINDS[value].look}`} title={reason ?? KINDS[value].hint}>
      {value}
    </span>
  );
}
