import type { SettingsTable } from "#platform/config/settings.ts";

/** How long the drive keeps what people delete. */
export const settings = {
  trashDays: {
    env: "BASALT_TRASH_DAYS",
    type: "integer",
    minimum: 0,
    maximum: 3_650,
    default: 30,
    doc: "Days after which files and folders in the trash are deleted for good; 0 keeps them",
  },
} as const satisfies SettingsTable;
