-- Who was imported as bounced has a suppression to show for it, so that it holds, and can be lifted (SPEC 3, 9).

INSERT INTO suppression (id, email, reason, source, created_at)
SELECT uuidv7(), email, 'bounce', 'import', updated_at FROM contact
WHERE status = 'bounced' AND email IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM suppression
    WHERE suppression.email = contact.email AND suppression.reason = 'bounce' AND suppression.lifted_at IS NULL);
