import { Instant } from "#kernel/instant.ts";
import { emailOf, hourMs, otherPassword, type House } from "./fixtures.ts";
import type { UserId } from "../domain/user-id.ts";
import {
  InvitationToken,
  RestorationToken,
  SetPasswordToken,
  VerifyEmailToken,
  type Token,
} from "../application/tokens.ts";

/** Somebody's account, and the address that an email goes to. */
type To = { readonly userId: UserId; readonly address: string };

const claimsOf = ({ clock }: House, { userId, address }: To) => ({
  userId,
  email: emailOf(address),
  expiresAt: Instant.plus(clock.now(), hourMs),
});

/** Makes the token of a password reset email. It is valid until the credentials change. */
export async function resetToken(house: House, to: To): Promise<Token> {
  const { version: credentialsVersion } = await house.subject.read(
    await house.asking(),
    ({ credentials }) => credentials.byUser(to.userId),
  );
  const claims = { ...claimsOf(house, to), credentialsVersion };
  return house.deps.tokens.issue(SetPasswordToken, claims) as Token;
}

export const verifyToken = (house: House, to: To): Token =>
  house.deps.tokens.issue(VerifyEmailToken, claimsOf(house, to)) as Token;

export const invitationToken = (house: House, to: To): Token =>
  house.deps.tokens.issue(InvitationToken, claimsOf(house, to)) as Token;

/** What sets a password with the email that went to a former address. */
export async function wayBack(house: House, { userId, address }: To) {
  const user = await house.subject.read(await house.system(), ({ users }) => users.byId(userId));
  const former = user?.formers.findLast(({ email }) => email === address);
  const claims = { userId, email: emailOf(address), until: house.clock.now(), ...former };
  const token = house.deps.tokens.issue(RestorationToken, claims) as Token;
  return { token, password: otherPassword };
}
