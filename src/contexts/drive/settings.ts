import { address } from "#platform/config/formats.ts";
import type { SettingsTable } from "#platform/config/settings.ts";

/** How long the drive keeps what people delete, and where it keeps what they send. */
export const settings = {
  trashDays: {
    env: "BASALT_TRASH_DAYS",
    type: "integer",
    minimum: 0,
    maximum: 3_650,
    default: 30,
    doc: "Days after which files and folders in the trash are deleted for good; 0 keeps them",
  },
  revisionDays: {
    env: "BASALT_REVISION_DAYS",
    type: "integer",
    minimum: 0,
    maximum: 3_650,
    default: 0,
    doc: "Days for which older contents of files, and the past of folders, are kept; 0 keeps them",
  },
  quotaMebibytes: {
    env: "BASALT_QUOTA_MIB",
    type: "integer",
    minimum: 0,
    maximum: 1_000_000_000,
    default: 0,
    doc: "MiB that the spaces of one user may have, each content counted once in a space; 0 is without a limit",
  },
  s3Bucket: {
    env: "BASALT_S3_BUCKET",
    type: "string",
    pattern: "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
    doc: "Bucket for the content of files; if empty, it lies in the data folder",
  },
  s3Region: {
    env: "BASALT_S3_REGION",
    type: "string",
    default: "us-east-1",
    doc: "Region of the bucket",
  },
  s3Url: {
    env: "BASALT_S3_URL",
    type: "string",
    format: address("https", "http"),
    doc: "Address of an object storage that speaks S3, as in https://s3.example.com; if empty, Amazon's",
  },
  s3AccessKeyId: {
    env: "BASALT_S3_ACCESS_KEY_ID",
    type: "string",
    doc: "Access key of the object storage; if empty, that of the machine, as AWS_ACCESS_KEY_ID or its role",
  },
  s3SecretAccessKey: {
    env: "BASALT_S3_SECRET_ACCESS_KEY",
    type: "string",
    secret: true,
    doc: "Secret of that key",
  },
} as const satisfies SettingsTable;
