-- tensor: an n-d array whose binary form is an NPY file

CREATE TYPE tensor;

CREATE FUNCTION tensor_in(cstring) RETURNS tensor
	AS 'MODULE_PATHNAME', 'medimnet_tensor_in' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tensor_in(cstring) IS 'I/O';

CREATE FUNCTION tensor_out(tensor) RETURNS cstring
	AS 'MODULE_PATHNAME', 'medimnet_tensor_out' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tensor_out(tensor) IS 'I/O';

CREATE FUNCTION tensor_recv(internal) RETURNS tensor
	AS 'MODULE_PATHNAME', 'medimnet_tensor_recv' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tensor_recv(internal) IS 'I/O';

CREATE FUNCTION tensor_send(tensor) RETURNS bytea
	AS 'MODULE_PATHNAME', 'medimnet_tensor_send' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tensor_send(tensor) IS 'I/O';

CREATE TYPE tensor (
	INPUT = tensor_in,
	OUTPUT = tensor_out,
	RECEIVE = tensor_recv,
	SEND = tensor_send,
	ALIGNMENT = double,
	STORAGE = external
);
COMMENT ON TYPE tensor IS 'n-dimensional array of one element type; in binary format an NPY file';

CREATE FUNCTION dtype(tensor) RETURNS text
	AS 'MODULE_PATHNAME', 'medimnet_dtype' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION dtype(tensor) IS 'element type by its NumPy name, such as uint8 or float32';

CREATE FUNCTION shape(tensor) RETURNS int[]
	AS 'MODULE_PATHNAME', 'medimnet_shape' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION shape(tensor) IS 'dimensions, outermost first';

CREATE FUNCTION tensor(real[]) RETURNS tensor
	AS 'MODULE_PATHNAME', 'medimnet_tensor_from_real' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION tensor(real[]) IS 'float32 tensor with the dimensions of an array';

CREATE FUNCTION to_real(tensor) RETURNS real[]
	AS 'MODULE_PATHNAME', 'medimnet_tensor_to_real' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION to_real(tensor) IS 'elements of a tensor, rounded to real, as an array of the same dimensions';

CREATE CAST (real[] AS tensor) WITH FUNCTION tensor(real[]);
COMMENT ON CAST (real[] AS tensor) IS 'float32 tensor with the dimensions of an array';

CREATE CAST (tensor AS real[]) WITH FUNCTION to_real(tensor);
COMMENT ON CAST (tensor AS real[]) IS 'elements of a tensor, rounded to real, as an array of the same dimensions';

CREATE FUNCTION tensor_eq(tensor, tensor) RETURNS boolean
	AS 'MODULE_PATHNAME', 'medimnet_tensor_eq' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION tensor_eq(tensor, tensor) IS 'implementation of = operator';

CREATE FUNCTION tensor_ne(tensor, tensor) RETURNS boolean
	AS 'MODULE_PATHNAME', 'medimnet_tensor_ne' LANGUAGE C IMMUTABLE STRICT LEAKPROOF PARALLEL SAFE;
COMMENT ON FUNCTION tensor_ne(tensor, tensor) IS 'implementation of <> operator';

CREATE OPERATOR = (
	LEFTARG = tensor, RIGHTARG = tensor, FUNCTION = tensor_eq,
	COMMUTATOR = =, NEGATOR = <>, RESTRICT = eqsel, JOIN = eqjoinsel
);
COMMENT ON OPERATOR = (tensor, tensor) IS 'equal in every bit';

CREATE OPERATOR <> (
	LEFTARG = tensor, RIGHTARG = tensor, FUNCTION = tensor_ne,
	COMMUTATOR = <>, NEGATOR = =, RESTRICT = neqsel, JOIN = neqjoinsel
);
COMMENT ON OPERATOR <> (tensor, tensor) IS 'not equal in some bit';
