#include "dicom/dicom_private.h"

/* Elements and fragments of a parsed file. */

const char *
mmn_dicom_transfer_syntax(const mmn_dicom *dicom)
{
	return dicom->transfer_syntax;
}

size_t
mmn_dicom_count(const mmn_dicom *dicom)
{
	return dicom->count;
}

const mmn_dicom_element *
mmn_dicom_at(const mmn_dicom *dicom, size_t index)
{
	return &dicom->elements[index];
}

const mmn_dicom_element *
mmn_dicom_find(const mmn_dicom *dicom, uint32_t tag)
{
	for (size_t i = 0; i < dicom->count; i = dicom->elements[i].end)
	{
		if (dicom->elements[i].tag == tag)
			return &dicom->elements[i];
	}
	return NULL;
}

const mmn_dicom_element *
mmn_dicom_find_in(const mmn_dicom *dicom, const mmn_dicom_element *parent,
				  uint32_t item, uint32_t tag)
{
	if (!parent)
		return NULL;
	for (size_t i = (size_t)(parent - dicom->elements) + 1; i < parent->end;
		 i = dicom->elements[i].end)
	{
		const mmn_dicom_element *e = &dicom->elements[i];

		if (e->item > item)
			break;
		if (e->item == item && e->tag == tag)
			return e;
	}
	return NULL;
}

size_t
mmn_dicom_fragment_count(const mmn_dicom *dicom)
{
	return dicom->fragment_count;
}

const mmn_dicom_fragment *
mmn_dicom_fragment_at(const mmn_dicom *dicom, size_t index)
{
	return &dicom->fragments[index];
}
