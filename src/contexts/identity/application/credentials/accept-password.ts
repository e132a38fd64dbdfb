import { err, type Result } from "#kernel/result.ts";
import type { Email } from "../../domain/email.ts";
import { Password, type PasswordHash } from "../../domain/password.ts";
import type { IsCommonPassword, Passwords, TooBusy } from "../ports.ts";

/** Among those that are guessed first, or made of the owner's address. */
export type PasswordTooCommon = { readonly type: "password-too-common" };

type Deps = { readonly passwords: Passwords; readonly isCommonPassword: IsCommonPassword };

/** Hashes a new password, unless it is too common. */
export function acceptPassword({ passwords, isCommonPassword }: Deps) {
  return async (
    password: Password,
    email: Email,
  ): Promise<Result<PasswordHash, PasswordTooCommon | TooBusy>> => {
    const [owner = ""] = email.split("@");
    if (Password.isMadeOf(password, ["basalt", owner]) || (await isCommonPassword(password)))
      return err({ type: "password-too-common" });
    return passwords.hash(password);
  };
}
