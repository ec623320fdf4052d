-- images of the catalog on one page

-- restricted: it starts a decoder, which parallel workers should not each do
CREATE FUNCTION @extschema@.contact_sheet(image_ids bigint[], columns int DEFAULT 8, tile int DEFAULT 128) RETURNS bytea
	AS 'MODULE_PATHNAME', 'medimnet_contact_sheet'
	LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 1000000;
COMMENT ON FUNCTION @extschema@.contact_sheet(bigint[], int, int) IS
	'PNG file with the key frames of images, the middle ones, rendered, in the order given, that many to a row, each fitted into a square tile of that many pixels';
