/** A plain text email. `id` is the same when the same email is sent again (it is the message id). */
export type Email = {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
};

/**
 * Port: hands an email over. Throws `Unavailable` when it may be tried again later, and anything
 * else when this email will never be accepted.
 */
export type SendEmail = (email: Email) => Promise<void>;
