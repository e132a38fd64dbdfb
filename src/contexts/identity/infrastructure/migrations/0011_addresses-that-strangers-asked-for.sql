-- Requests for emails whose address is still there.
create index events_requests_key on identity.events (occurred_at)
  where type in ('identity.password-reset-requested', 'identity.email-verification-requested')
    and payload ->> 'email' <> 'erased@erased.invalid';
