import { z } from 'zod';

const id = z.uuid();
const name = z.string().trim().min(1).max(200);

export const createItemSchema = z.object({ name });
export const getItemSchema = z.object({ id });
export const updateItemSchema = z.object({ id, name });
export const itemSchema = z.object({ id, name, createdAt: z.iso.datetime() });

export type CreateItem = z.infer<typeof createItemSchema>;
export type GetItem = z.infer<typeof getItemSchema>;
export type UpdateItem = z.infer<typeof updateItemSchema>;
export type Item = z.infer<typeof itemSchema>;
