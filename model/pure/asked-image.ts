/** An image as whoever needs it asks for it. */
export interface AskedImage {
  /** Its own task. */
  readonly taskId: string;
  readonly name: string;
  /** It is to be built, whatever is known of it. */
  readonly force: boolean;
  /** Priority key of the most urgent task that needs it. Absent where that is not known, and in requests of older versions. */
  readonly priority?: number;
}

export interface RequestImagesInput {
  /** Workflow id to be told. */
  readonly requester: string;
  /** The push whose plan describes the images. */
  readonly pushId: string;
  readonly plannedAt: string;
  readonly images: readonly AskedImage[];
}
