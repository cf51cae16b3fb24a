export interface ImageReference {
  /** With its registry, if it names one: `127.0.0.1:5000/a/b`. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

/** Takes `repository[:tag][@digest]` apart. A port is not a tag. */
export function parseReference(reference: string): ImageReference {
  const [name = '', digest] = reference.split('@');
  const colon = name.lastIndexOf(':');
  const tag = colon > name.lastIndexOf('/') ? name.slice(colon + 1) : undefined;
  const repository = tag === undefined ? name : name.slice(0, colon);
  return { repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}
