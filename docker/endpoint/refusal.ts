/** What the distribution API calls an error: an HTTP status, a code of its list, and a sentence that engines may show. */
export class Refusal extends Error {
  readonly status: number;
  readonly code: string;
  constructor(status: number, code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
    this.code = code;
  }
  /** The body of the answer, as the specification has it. */
  toBody(): string {
    return JSON.stringify({ errors: [{ code: this.code, message: this.message }] });
  }
}
