-- pixels: one decoded frame

CREATE TYPE pixels;

CREATE FUNCTION pixels_in(cstring) RETURNS pixels
	AS 'MODULE_PATHNAME', 'medimnet_pixels_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pixels_in(cstring) IS 'I/O';

CREATE FUNCTION pixels_out(pixels) RETURNS cstring
	AS 'MODULE_PATHNAME', 'medimnet_pixels_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pixels_out(pixels) IS 'I/O';

CREATE FUNCTION pixels_recv(internal) RETURNS pixels
	AS 'MODULE_PATHNAME', 'medimnet_pixels_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pixels_recv(internal) IS 'I/O';

CREATE FUNCTION pixels_send(pixels) RETURNS bytea
	AS 'MODULE_PATHNAME', 'medimnet_pixels_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION pixels_send(pixels) IS 'I/O';

-- samples are noise to pglz, and a header must be readable without the rest:
-- out of line, not compressed
CREATE TYPE pixels (
	INPUT = pixels_in,
	OUTPUT = pixels_out,
	RECEIVE = pixels_recv,
	SEND = pixels_send,
	ALIGNMENT = double,
	STORAGE = external
);
COMMENT ON TYPE pixels IS 'one decoded image: size, sample type, spacing, unit and samples at full depth';

CREATE FUNCTION width(pixels) RETURNS int
	AS 'MODULE_PATHNAME', 'medimnet_width' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION width(pixels) IS 'pixels in a row';

CREATE FUNCTION height(pixels) RETURNS int
	AS 'MODULE_PATHNAME', 'medimnet_height' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION height(pixels) IS 'rows of pixels';

CREATE FUNCTION channels(pixels) RETURNS int
	AS 'MODULE_PATHNAME', 'medimnet_channels' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION channels(pixels) IS 'samples of a pixel: 1 (gray) or 3 (red, green, blue)';

CREATE FUNCTION sample_type(pixels) RETURNS text
	AS 'MODULE_PATHNAME', 'medimnet_sample_type' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION sample_type(pixels) IS 'u8, u16, i16 or f32';

CREATE FUNCTION unit(pixels) RETURNS text
	AS 'MODULE_PATHNAME', 'medimnet_unit' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION unit(pixels) IS 'what a sample counts: HU, SUV, OD, BQML, US, rgb, or raw when not known';

CREATE FUNCTION spacing(pixels) RETURNS float8[]
	AS 'MODULE_PATHNAME', 'medimnet_spacing' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION spacing(pixels) IS 'millimetres between {rows, columns}, NULL when not known';

CREATE FUNCTION pixels_eq(pixels, pixels) RETURNS boolean
	AS 'MODULE_PATHNAME', 'medimnet_pixels_eq' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION pixels_eq(pixels, pixels) IS 'implementation of = operator';

CREATE FUNCTION pixels_ne(pixels, pixels) RETURNS boolean
	AS 'MODULE_PATHNAME', 'medimnet_pixels_ne' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION pixels_ne(pixels, pixels) IS 'implementation of <> operator';

CREATE OPERATOR = (
	LEFTARG = pixels, RIGHTARG = pixels, FUNCTION = pixels_eq,
	COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR = (pixels, pixels) IS 'equal in every bit';

CREATE OPERATOR <> (
	LEFTARG = pixels, RIGHTARG = pixels, FUNCTION = pixels_ne,
	COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (pixels, pixels) IS 'not equal in some bit';
