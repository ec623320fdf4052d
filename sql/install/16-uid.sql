-- uid: a DICOM unique identifier (PS3.5 section 9)

CREATE DOMAIN uid AS text COLLATE "C"
	CONSTRAINT uid_length CHECK (length(VALUE) <= 64)
	CONSTRAINT uid_form CHECK (VALUE ~ '^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*))+$');
COMMENT ON DOMAIN uid IS 'DICOM UID: numbers without leading zeros, joined by dots, at most 64 characters';
COMMENT ON CONSTRAINT uid_length ON DOMAIN uid IS 'PS3.5 section 9.1: at most 64 characters';
COMMENT ON CONSTRAINT uid_form ON DOMAIN uid IS 'PS3.5 section 9.1: numbers without leading zeros, joined by dots';
