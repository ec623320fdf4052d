-- looking into files: what they are, what they say, what they show

CREATE FUNCTION @extschema@.media_type(content bytea) RETURNS text
	AS 'MODULE_PATHNAME', 'medimnet_media_type'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION @extschema@.media_type(bytea) IS
	'what a file is by its first bytes: application/dicom, application/nifti, image/png, image/jpeg, or NULL';

CREATE FUNCTION @extschema@.dicom_json(content bytea) RETURNS jsonb
	AS 'MODULE_PATHNAME', 'medimnet_dicom_json'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION @extschema@.dicom_json(bytea) IS
	'the data set of a DICOM file in the JSON model of PS3.18 Annex F, without bulk data';

CREATE FUNCTION @extschema@.frame_count(content bytea) RETURNS int
	AS 'MODULE_PATHNAME', 'medimnet_frame_count'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 10000;
COMMENT ON FUNCTION @extschema@.frame_count(bytea) IS
	'how many frames an image file has';

CREATE FUNCTION @extschema@.decode_frame(content bytea, frame int DEFAULT 1) RETURNS @extschema@.pixels
	AS 'MODULE_PATHNAME', 'medimnet_decode_frame'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION @extschema@.decode_frame(bytea, int) IS
	'a frame of a DICOM, NIfTI, PNG or JPEG file: stored values with the modality LUT applied (Hounsfield units for CT)';

CREATE FUNCTION @extschema@.deidentify(content bytea, key bytea) RETURNS bytea
	AS 'MODULE_PATHNAME', 'medimnet_deidentify'
	LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE COST 100000;
COMMENT ON FUNCTION @extschema@.deidentify(bytea, bytea) IS
	'the file without what identifies a person (DICOM PS3.15 Annex E; of other files, all but what describes the pixels); the 32-byte key makes the replacement UIDs';
