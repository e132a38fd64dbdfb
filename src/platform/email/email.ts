/** A plain text email. `id` is the same when the same email is sent again (it is the message id). */
export type Email = {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
};

/**
 * Port: hands an email over. Throws `Unavailable` when no email can be handed over now, `Deferred`
 * when this one is not accepted now, and anything else when it was refused.
 */
export type SendEmail = (email: Email) => Promise<void>;
