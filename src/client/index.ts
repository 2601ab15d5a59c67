export type * from './api.js';
export { authorization, type Client, type ClientOptions, createClient } from './client.js';
export { type FollowOptions, followEvents } from './follow-events.js';
export { dataOf, RequestError } from './request-error.js';
