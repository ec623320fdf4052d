/*
 * A registry of public medical image databases: where one might find what a
 * catalog lacks, and under which terms.  Facts from the literature and from
 * the databases' own pages; what nobody has checked is marked so.
 */
CREATE TABLE @extschema@.known_dataset (
	name text PRIMARY KEY CHECK (name <> ''),
	modality text[] NOT NULL DEFAULT '{}',
	anatomy text,
	dimensions text,
	size text,
	license text,
	access text,
	format text,
	source text NOT NULL DEFAULT 'local',
	unverified text[] NOT NULL DEFAULT '{}',
	builtin boolean NOT NULL DEFAULT false
);
COMMENT ON TABLE @extschema@.known_dataset IS 'registry of public medical image databases: the literature''s, with licence and access';
COMMENT ON COLUMN @extschema@.known_dataset.name IS 'name it goes by';
COMMENT ON COLUMN @extschema@.known_dataset.modality IS 'modalities, codes of table modality; empty: mixed';
COMMENT ON COLUMN @extschema@.known_dataset.anatomy IS 'what it shows, in its authors'' words';
COMMENT ON COLUMN @extschema@.known_dataset.dimensions IS '2D, 3D, 4D, video, WSI';
COMMENT ON COLUMN @extschema@.known_dataset.size IS 'how much, in its authors'' words';
COMMENT ON COLUMN @extschema@.known_dataset.license IS 'licence; NULL: not found out';
COMMENT ON COLUMN @extschema@.known_dataset.access IS 'open, or what it takes to get it';
COMMENT ON COLUMN @extschema@.known_dataset.format IS 'file formats';
COMMENT ON COLUMN @extschema@.known_dataset.source IS 'where these facts come from';
COMMENT ON COLUMN @extschema@.known_dataset.unverified IS 'columns of this row that nobody has checked at the source';
COMMENT ON COLUMN @extschema@.known_dataset.builtin IS 'made by the extension: not to be changed, not dumped';

SELECT pg_catalog.pg_extension_config_dump('@extschema@.known_dataset', 'WHERE NOT builtin');
GRANT SELECT ON @extschema@.known_dataset TO PUBLIC;

CREATE TRIGGER guard BEFORE INSERT OR UPDATE OR DELETE ON @extschema@.known_dataset
	FOR EACH ROW EXECUTE FUNCTION @extschema@.taxonomy_guard();

INSERT INTO @extschema@.known_dataset
	(name, modality, anatomy, dimensions, size, license, access, format, source, unverified, builtin) VALUES
	('NCI Imaging Data Commons (whole)', '{CT,MR,PT,SM,MG,US,SEG}', 'whole body (cancer)', '2D/3D/WSI', '~100 TB; >95 % CC BY', 'CC BY mostly; per file', 'open bucket', 'DICOM', 'documentation', '{}', true),
	('TCIA collections', '{CT,MR,PT,MG,US,SM}', 'whole body (cancer)', '2D/3D', '200+ collections', 'per collection (CC BY, CC BY-NC, restricted)', 'open / restricted', 'DICOM', 'general knowledge', '{size,license}', true),
	('RadImageNet', '{CT,MR,US}', '11 anatomies', '2D', '1.35 M images, 165 labels', 'DUA, no derived weights', 'request (often unanswered)', 'PNG', 'documentation', '{}', true),
	('MedMNIST v2 / MedMNIST+', '{OPT,DX,SM,XC,US,CT,MR}', '12 2D + 6 3D sets', '2D/3D', '708,069 + ~10 k', 'CC BY 4.0 (Derma CC BY-NC 4.0)', 'open', 'npz', 'documentation', '{}', true),
	('MedSegBench', '{}', 'mixed', '2D', '35 sets, ~60 k images', 'per set', 'open', 'npz', 'documentation', '{license}', true),
	('MedFMC', '{DX,SM,ES,XC}', 'chest, colon, skin, eye', '2D', '22,349 images', NULL, 'open', 'PNG/JPG', 'openmedlab', '{license}', true),
	('MIMIC-CXR / -JPG', '{CR,DX}', 'chest', '2D', '377,110 images, 227,835 studies, 65,379 patients', 'PhysioNet credentialed DUA', 'credentialed', 'DICOM/JPG', 'openmedlab', '{license}', true),
	('CheXpert', '{CR,DX}', 'chest', '2D', '224,316 images, 65,240 patients', 'Stanford research DUA', 'registration', 'JPG', 'openmedlab', '{license}', true),
	('NIH ChestX-ray14', '{CR,DX}', 'chest', '2D', '112,120 images, 30,805 patients', 'no restriction, attribution', 'open', 'PNG', 'openmedlab', '{license}', true),
	('PadChest', '{CR,DX}', 'chest', '2D', '~160 k images, 67 k patients, 174 findings, 104 locations', 'BIMCV research use', 'registration', 'PNG 16-bit', 'openmedlab', '{license}', true),
	('VinDr-CXR', '{CR,DX}', 'chest', '2D', '18,000', 'PhysioNet credentialed', 'credentialed', 'DICOM', 'openmedlab', '{license}', true),
	('RSNA Pneumonia', '{CR,DX}', 'chest', '2D', '~30 k', 'competition terms', 'Kaggle', 'DICOM', 'openmedlab', '{license}', true),
	('SIIM-FISABIO-RSNA COVID-19', '{CR,DX}', 'chest', '2D', '7,597', 'competition terms', 'Kaggle', 'DICOM', 'openmedlab', '{license}', true),
	('BRIXIA', '{CR,DX}', 'chest', '2D', '4,703', NULL, 'registration', 'DICOM', 'openmedlab', '{license}', true),
	('BIMCV-COVID19', '{CR,DX,CT}', 'chest', '2D/3D', NULL, 'BIMCV research', 'open', 'PNG/NIfTI', 'openmedlab', '{size,license}', true),
	('MIDRC / RICORD', '{CR,DX,CT}', 'chest', '2D/3D', '998 CXR (361 patients); 240 CT', 'CC BY-NC', 'open/registration', 'DICOM', 'openmedlab', '{license}', true),
	('Shenzhen + Montgomery TB', '{DX}', 'chest', '2D', '662 + 138', 'NLM, open', 'open', 'PNG', 'openmedlab', '{size,license}', true),
	('Indiana / OpenI', '{CR,DX}', 'chest', '2D', '7,470 images with reports', 'CC BY-NC-ND 4.0', 'open', 'DICOM/PNG', 'openmedlab', '{}', true),
	('LIDC-IDRI', '{CT}', 'lung', '3D', '1,018 CT', 'CC BY 3.0', 'open (IDC/TCIA)', 'DICOM', 'openmedlab', '{}', true),
	('LUNA16', '{CT}', 'lung', '3D', '888 CT', 'CC BY 4.0', 'open', 'MHA', 'openmedlab', '{license}', true),
	('NLST', '{CT,SM}', 'lung', '3D', '26 k+ patients', 'CC BY 4.0', 'open (IDC)', 'DICOM', 'documentation', '{}', true),
	('DeepLesion', '{CT}', 'whole body', '2D/3D', '32 k+ lesions, 4,400 patients', 'NIH open', 'open', 'PNG 16-bit', 'openmedlab', '{license}', true),
	('MosMedData COVID-19', '{CT}', 'chest', '3D', '1,110', 'CC BY-NC-ND 3.0', 'open', 'NIfTI', 'openmedlab', '{size,license}', true),
	('RibFrac', '{CT}', 'ribs', '3D', '660', 'CC BY-NC 4.0', 'open', 'NIfTI', 'openmedlab', '{}', true),
	('RSNA Intracranial Hemorrhage', '{CT}', 'brain', '2D/3D', '~25 k exams', 'competition terms', 'Kaggle', 'DICOM', 'openmedlab', '{license}', true),
	('CQ500', '{CT}', 'brain', '3D', '491', 'CC BY-NC-SA 4.0', 'open', 'DICOM', 'general knowledge', '{size,license}', true),
	('TotalSegmentator v2', '{CT}', 'whole body', '3D', '1,228 CT, 117 classes', 'CC BY 4.0', 'open', 'NIfTI', 'openmedlab', '{}', true),
	('TotalSegmentator MRI', '{MR}', 'whole body', '3D', '298, 56 classes', 'CC BY-NC-SA', 'open', 'NIfTI', 'openmedlab', '{license}', true),
	('CT-ORG', '{CT}', 'abdomen/chest', '3D', '140', 'CC BY 3.0', 'open', 'NIfTI', 'openmedlab', '{license}', true),
	('AutoPET I-III', '{PT,CT}', 'whole body', '3D', '1,014 (+200) / 1,614', 'TCIA restricted then CC BY', 'registration', 'DICOM/NIfTI', 'openmedlab', '{license}', true),
	('AMOS', '{CT,MR}', 'abdomen', '3D', '500 CT + 100 MR', 'CC BY 4.0', 'open', 'NIfTI', 'openmedlab', '{size,license}', true),
	('KiTS23', '{CT}', 'kidney', '3D', '489 / 110', 'CC BY-NC-SA 4.0', 'open', 'NIfTI', 'openmedlab', '{license}', true),
	('LiTS', '{CT}', 'liver', '3D', '131 / 70', 'CC BY-NC-SA', 'open', 'NIfTI', 'openmedlab', '{license}', true),
	('WORD', '{CT}', 'abdomen', '3D', '150 (100/20/30)', 'research DUA', 'request', 'NIfTI', 'openmedlab', '{license}', true),
	('AbdomenAtlas-Mini', '{CT}', 'abdomen', '3D', '5,195', 'CC BY-NC-SA', 'open', 'NIfTI', 'openmedlab', '{license}', true),
	('Medical Segmentation Decathlon', '{CT,MR}', '10 organs', '3D', '2,633 volumes', 'CC BY-SA 4.0', 'open', 'NIfTI', 'openmedlab', '{}', true),
	('BraTS 2021', '{MR}', 'brain', '3D', '1,251 / 219', 'challenge terms; TCIA CC BY', 'registration', 'NIfTI', 'openmedlab', '{license}', true),
	('ATLAS v2 (stroke)', '{MR}', 'brain', '3D', '655 / 300 / 316', 'data use agreement', 'registration', 'NIfTI', 'openmedlab', '{license}', true),
	('ISLES', '{MR,CT}', 'brain', '3D', '250+', 'CC BY', 'open', 'NIfTI', 'openmedlab', '{size,license}', true),
	('OASIS', '{MR}', 'brain', '3D', '416+', 'OASIS DUA', 'registration', 'NIfTI/ANALYZE', 'openmedlab', '{}', true),
	('ADNI', '{MR,PT}', 'brain', '3D', 'thousands', 'ADNI DUA', 'application', 'DICOM/NIfTI', 'general knowledge', '{size}', true),
	('IXI', '{MR}', 'brain', '3D', '~600', 'CC BY-SA 3.0', 'open', 'NIfTI', 'general knowledge', '{size,license}', true),
	('UK Biobank imaging', '{MR,BMD,US}', 'whole body', '3D', '100 k participants', 'application, fee', 'application', 'DICOM', 'general knowledge', '{size}', true),
	('FeTA', '{MR}', 'fetal brain', '3D', '280', 'request', 'request', 'NIfTI', 'openmedlab', '{license}', true),
	('fastMRI', '{MR}', 'knee, brain, prostate', '3D/k-space', '1,500 k-space + 10 k DICOM knee; 6.5 k brain', 'NYU DUA', 'request', 'HDF5/DICOM', 'openmedlab', '{license}', true),
	('MRNet', '{MR}', 'knee', '3D', '1,370', 'Stanford research DUA', 'registration', 'npy', 'openmedlab', '{license}', true),
	('SPIDER', '{MR}', 'lumbar spine', '3D', '447 series (card 554)', 'CC BY 4.0', 'open', 'MHA', 'openmedlab', '{size,license}', true),
	('VerSe', '{CT}', 'spine', '3D', '374', 'CC BY-SA 4.0', 'open', 'NIfTI', 'openmedlab', '{license}', true),
	('CTSpine1K', '{CT}', 'spine', '3D', '1,005', 'CC BY-NC-SA', 'open', 'NIfTI', 'openmedlab', '{license}', true),
	('PI-CAI', '{MR}', 'prostate', '3D', '1,500 public', 'CC BY-NC 4.0', 'open', 'MHA', 'openmedlab', '{license}', true),
	('PROMISE12', '{MR}', 'prostate', '3D', '50', 'challenge', 'registration', 'MHD', 'openmedlab', '{license}', true),
	('ACDC', '{MR}', 'heart', '4D', '150', 'CC BY-NC-SA', 'open', 'NIfTI', 'openmedlab', '{license}', true),
	('MURA', '{DX,CR}', 'upper limb', '2D', '40,561 images, 14,863 studies', 'Stanford research DUA', 'registration', 'PNG', 'openmedlab', '{license}', true),
	('GRAZPEDWRI-DX', '{DX}', 'wrist (child)', '2D', '~20 k', 'CC BY 4.0', 'open', 'PNG 16-bit', 'openmedlab', '{}', true),
	('RSNA Bone Age', '{DX}', 'hand (child)', '2D', '~14 k', 'competition terms', 'open', 'PNG', 'openmedlab', '{license}', true),
	('CBIS-DDSM', '{MG}', 'breast', '2D', '2,620 studies', 'CC BY 3.0', 'open (TCIA/IDC)', 'DICOM', 'openmedlab', '{}', true),
	('Duke Breast DBT', '{MG}', 'breast', '3D', '5,060 patients', 'CC BY-NC 4.0', 'open (TCIA)', 'DICOM', 'openmedlab', '{license}', true),
	('VinDr-Mammo', '{MG}', 'breast', '2D', '5,000 exams', 'PhysioNet DUA', 'credentialed', 'DICOM', 'openmedlab', '{license}', true),
	('INbreast', '{MG}', 'breast', '2D', '410 images', 'research', 'request', 'DICOM', 'general knowledge', '{size,license}', true),
	('EMBED', '{MG}', 'breast', '2D/3D', '3.4 M images, 20 % public', 'DUA', 'request', 'DICOM', 'general knowledge', '{size,license}', true),
	('BUSI', '{US}', 'breast', '2D', '780', 'CC0/none stated', 'open', 'PNG', 'openmedlab', '{license}', true),
	('TN3K', '{US}', 'thyroid', '2D', '3,493', NULL, 'open', 'JPG', 'openmedlab', '{license}', true),
	('DDTI', '{US}', 'thyroid', '2D', '637', NULL, 'open', 'JPG', 'openmedlab', '{license}', true),
	('EchoNet-Dynamic', '{US}', 'heart', 'video', '10,030 videos', 'Stanford research DUA', 'registration', 'AVI', 'openmedlab', '{license}', true),
	('CAMUS', '{US}', 'heart', '2D+t', '500', 'CC BY-NC-SA', 'open', 'NIfTI', 'openmedlab', '{size,license}', true),
	('HC18', '{US}', 'fetal head', '2D', '1,334', 'CC BY 4.0', 'open', 'PNG', 'openmedlab', '{size,license}', true),
	('HyperKvasir', '{ES}', 'GI tract', '2D/video', '110 k images', 'CC BY 4.0', 'open', 'JPG', 'openmedlab', '{license}', true),
	('Kvasir-Capsule', '{ES}', 'small bowel', 'video', '4.74 M frames', 'CC BY 4.0', 'open', 'JPG', 'openmedlab', '{license}', true),
	('CholecSeg8k', '{ES}', 'gallbladder', '2D', '8,080 frames', 'CC BY-NC-SA 4.0', 'open', 'PNG', 'openmedlab', '{}', true),
	('EyePACS (Kaggle DR)', '{OP}', 'eye fundus', '2D', '35,126 train / ~88 k', 'competition terms', 'Kaggle', 'JPG', 'openmedlab', '{license}', true),
	('APTOS 2019', '{OP}', 'eye fundus', '2D', '3,662', 'competition terms', 'Kaggle', 'PNG', 'openmedlab', '{license}', true),
	('Messidor-2', '{OP}', 'eye fundus', '2D', '1,748', 'research, request', 'request', 'TIF/PNG', 'openmedlab', '{license}', true),
	('REFUGE', '{OP}', 'optic disc', '2D', '1,200', 'challenge', 'registration', 'JPG', 'openmedlab', '{license}', true),
	('IDRiD', '{OP}', 'eye fundus', '2D', '81 / 516', 'CC BY 4.0', 'open', 'JPG', 'openmedlab', '{license}', true),
	('ODIR-5K', '{OP}', 'eye fundus', '2D', '5,000 patients', 'challenge', 'registration', 'JPG', 'openmedlab', '{license}', true),
	('DRIVE', '{OP}', 'eye vessels', '2D', '40', 'research', 'open', 'TIF', 'openmedlab', '{license}', true),
	('Kermany OCT', '{OPT}', 'retina', '2D', '109,309', 'CC BY 4.0', 'open', 'JPG', 'openmedlab', '{}', true),
	('OCTA-500', '{OPT}', 'retina', '3D', '500', NULL, 'request', 'BMP/TIF', 'openmedlab', '{license}', true),
	('HAM10000', '{XC,DMS}', 'skin', '2D', '10,015 images of 7,470 lesions', 'CC BY-NC 4.0', 'open', 'JPG', 'openmedlab', '{}', true),
	('ISIC 2020', '{DMS,XC}', 'skin', '2D', '33,126', 'CC BY-NC 4.0', 'open', 'DICOM/JPG', 'openmedlab', '{license}', true),
	('ISIC 2024 (SLICE-3D)', '{XC}', 'skin', '2D', '~400 k (card says 81,722)', 'CC BY-NC 4.0', 'open', 'JPG', 'openmedlab', '{license}', true),
	('PAD-UFES-20', '{XC}', 'skin', '2D', '2,298', 'CC BY 4.0', 'open', 'PNG', 'openmedlab', '{}', true),
	('Fitzpatrick17k', '{XC}', 'skin', '2D', '16,577', 'CC BY-NC-SA, images by source', 'links', 'JPG', 'openmedlab', '{license}', true),
	('CAMELYON16/17', '{SM}', 'lymph node', 'WSI', '400 / 1,000 slides', 'CC0', 'open', 'TIFF', 'openmedlab', '{size}', true),
	('PatchCamelyon', '{SM}', 'lymph node', '2D', '327,680 patches', 'CC0', 'open', 'HDF5', 'openmedlab', '{}', true),
	('PANDA', '{SM}', 'prostate', 'WSI', '~10.6 k slides', 'CC BY-NC-SA', 'Kaggle', 'TIFF', 'openmedlab', '{license}', true),
	('NCT-CRC-HE-100K', '{SM}', 'colon', '2D', '100,000 patches', 'CC BY 4.0', 'open', 'TIF', 'openmedlab', '{}', true),
	('BRACS', '{SM}', 'breast', 'WSI/ROI', '547 WSI, 4,539 ROI', 'CC0/CC BY-NC', 'registration', 'SVS/PNG', 'openmedlab', '{license}', true),
	('PanNuke', '{SM}', '19 tissues', '2D', '7,904 patches', 'CC BY-NC-SA', 'open', 'npy', 'openmedlab', '{license}', true),
	('GlaS', '{SM}', 'colon', '2D', '165', 'research', 'open', 'BMP', 'openmedlab', '{license}', true),
	('BBBC051 (TissueMNIST source)', '{GM}', 'kidney cells', '2D', '236,386', 'CC BY', 'open', 'TIF', 'documentation', '{license}', true),
	('Blood cells (BloodMNIST source)', '{GM}', 'blood', '2D', '17,092', 'CC BY 4.0', 'open', 'JPG', 'documentation', '{}', true),
	('TCGA slides', '{SM}', 'many cancers', 'WSI', '30 k slides', 'CC BY 3.0/open', 'open (IDC)', 'DICOM-WSI/SVS', 'documentation', '{size,license}', true),
	('ROCOv2', '{}', 'mixed', '2D', '~80 k pairs', 'CC BY family (PMC OA)', 'open', 'JPG', 'documentation', '{license}', true),
	('PMC-OA', '{}', 'mixed', '2D', '1.6 M pairs', 'per article', 'open', 'JPG', 'documentation', '{}', true),
	('BIOMEDICA', '{}', 'mixed', '2D', '24 M pairs, 27 TB', 'per article (commercial/NC subsets)', 'open', 'WebDataset', 'documentation', '{}', true),
	('MedTrinity-25M', '{}', 'mixed', '2D', '25 M pairs; test images of VQA-RAD inside', 'per source, unclear', 'open', 'JPG', 'documentation', '{}', true),
	('RadiologyNET', '{MR,CT,CR,RF,XA}', 'whole body', '2D', '1,902,414 images', 'images not public, weights public', 'weights only', 'DICOM', 'documentation', '{license}', true);
