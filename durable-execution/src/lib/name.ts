/** Names that every storage can give back as they were: ids and queues. */
import { z } from 'zod'

/** The longest name, in characters. */
export const LONGEST_NAME = 255

/** What {@link isStorable} asks for, in words. */
export const STORABLE = 'no NUL character and no half of a surrogate pair'

/** Whether no database changes this text: some cut it at a NUL, and UTF-8 has no form for half of a surrogate pair. */
export function isStorable(text: string): boolean {
  return !text.includes('\0') && !/\p{Surrogate}/u.test(text)
}

/** A name given by users: 1 to 255 characters. */
export const nameSchema = z
  .string()
  .min(1)
  .max(LONGEST_NAME)
  .refine(isStorable, `Invalid input: expected ${STORABLE}`)
