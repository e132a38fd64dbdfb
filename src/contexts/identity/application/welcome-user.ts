import type { Email } from "../domain/email.ts";
import type { UserName } from "../domain/user-name.ts";
import type { SendEmail } from "./ports.ts";

type Deps = { readonly sendEmail: SendEmail };

/** Greets a person who has just registered. `id` names the greeting, however often it is sent. */
export function welcomeUser({ sendEmail }: Deps) {
  return ({
    id,
    email,
    name,
  }: {
    readonly id: string;
    readonly email: Email;
    readonly name: UserName;
  }): Promise<void> =>
    sendEmail({
      id,
      to: email,
      subject: "Welcome",
      text: `Hello ${name},\n\nyour account is ready.\n`,
    });
}
