-- complain if the script is sourced in psql rather than through CREATE EXTENSION
\echo Use "CREATE EXTENSION medimnet" to load this file. \quit

COMMENT ON SCHEMA @extschema@ IS 'medical images: types, taxonomies, catalog, datasets, batches';
