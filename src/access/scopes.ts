/** What an API key may do; each scope includes those before it. */
export const SCOPES = ['read', 'submit', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

/** What a route asks for; `public` ones answer everybody. */
export type RouteScope = Scope | 'public';

export const allows = (granted: Scope, needed: Scope): boolean => SCOPES.indexOf(granted) >= SCOPES.indexOf(needed);
