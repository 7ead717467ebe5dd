-- Claims take what ever worked first: a flood of new candidates must not keep what is handed out from being checked.
CREATE INDEX records_due_verified ON records (next_check, claimed_until, verified)
    WHERE claimed_until IS NULL AND verified = 1;
