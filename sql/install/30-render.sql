-- what is made of pixels: for the eye, for another size, for comparison

CREATE FUNCTION render(pixels, preset text DEFAULT 'auto') RETURNS pixels
	AS 'MODULE_PATHNAME', 'medimnet_render' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	COST 1000;
COMMENT ON FUNCTION render(pixels, text) IS '8 bits for the eye: auto (as the file asks, else what suits the modality), percentile, full, or a CT window such as soft_tissue, lung, bone, brain';

CREATE FUNCTION window_level(pixels, center float8, width float8) RETURNS pixels
	AS 'MODULE_PATHNAME', 'medimnet_window_level' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	COST 1000;
COMMENT ON FUNCTION window_level(pixels, float8, float8) IS '8 bits, black to white over a window (DICOM PS3.3 C.11.2.1.2)';

CREATE FUNCTION resize(pixels, width int, height int) RETURNS pixels
	AS 'MODULE_PATHNAME', 'medimnet_resize' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	COST 1000;
COMMENT ON FUNCTION resize(pixels, int, int) IS 'another size, by a triangle filter that counts every pixel when shrinking; keeps the sample type';

CREATE FUNCTION png(pixels) RETURNS bytea
	AS 'MODULE_PATHNAME', 'medimnet_png' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	COST 1000;
COMMENT ON FUNCTION png(pixels) IS 'PNG file of u8 or u16 samples';

CREATE FUNCTION content_hash(pixels) RETURNS bytea
	AS 'MODULE_PATHNAME', 'medimnet_content_hash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	COST 1000;
COMMENT ON FUNCTION content_hash(pixels) IS 'SHA-256 over geometry and samples';

CREATE FUNCTION phash(pixels) RETURNS bit(64)
	AS 'MODULE_PATHNAME', 'medimnet_phash' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	COST 1000;
COMMENT ON FUNCTION phash(pixels) IS 'perceptual hash: differs in few bits between images that look alike';
