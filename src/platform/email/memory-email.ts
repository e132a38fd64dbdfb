import type { Email, SendEmail } from "./email.ts";

/** Keeps emails, each once. */
export function memoryEmail(): { readonly send: SendEmail; readonly sent: () => readonly Email[] } {
  const sent = new Map<string, Email>();
  return {
    send: async (email) => {
      sent.set(email.id, email);
    },
    sent: () => [...sent.values()],
  };
}
