-- A drop says that SendGrid's list holds the address already, and nothing that befell it anew (SPEC 7).

ALTER TABLE event_consequence ADD COLUMN listed BOOLEAN DEFAULT false;
