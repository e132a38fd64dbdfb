import type { Email, SendEmail } from "./email.ts";

/** Keeps emails in the memory of the process, by id. */
export function memoryEmail(): {
  readonly send: SendEmail;
  readonly arrived: () => readonly Email[];
} {
  const emails = new Map<string, Email>();
  return {
    async send(email) {
      emails.set(email.id, email);
    },
    arrived: () => [...emails.values()],
  };
}
