import { z } from 'zod';

// Opaque to callers: an id that no item has is NOT_FOUND, whatever it looks like.
const id = z.string().min(1).max(200);
const name = z.string().trim().min(1).max(200);

export const createItemSchema = z.object({ name });
export const getItemSchema = z.object({ id });
export const updateItemSchema = z.object({ id, name });
export const itemSchema = z.object({ id, name, createdAt: z.iso.datetime() });

/** The event: whoever emits it by hand need not know the time. */
export const itemCreatedSchema = itemSchema.partial({ createdAt: true });

export type CreateItem = z.infer<typeof createItemSchema>;
export type GetItem = z.infer<typeof getItemSchema>;
export type UpdateItem = z.infer<typeof updateItemSchema>;
export type Item = z.infer<typeof itemSchema>;
export type ItemCreated = z.infer<typeof itemCreatedSchema>;
