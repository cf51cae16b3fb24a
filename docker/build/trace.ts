import protobuf from 'protobufjs';

/** One step of a build as BuildKit knows it. Told again at each change. */
export interface Vertex {
  readonly digest: string;
  readonly name: string;
  readonly cached: boolean;
  /** Seconds since 1970. */
  readonly startedSeconds?: number;
  readonly completedSeconds?: number;
  readonly error: string;
}

/** Something that a step is at besides its output: a transfer, an export. */
export interface VertexStatus {
  readonly id: string;
  readonly vertex: string;
  readonly name: string;
  readonly startedSeconds?: number;
  readonly completedSeconds?: number;
}

export interface VertexLog {
  readonly vertex: string;
  readonly timeSeconds?: number;
  readonly bytes: Buffer;
}

export interface Trace {
  readonly vertexes: readonly Vertex[];
  readonly statuses: readonly VertexStatus[];
  readonly logs: readonly VertexLog[];
  readonly warnings: readonly { readonly vertex: string; readonly text: string }[];
}

/** The part of BuildKit's control.proto that a reader of progress needs; unknown fields are skipped. */
const PROTO = `
syntax = "proto3";
package moby.buildkit.v1;
message StatusResponse {
  repeated Vertex vertexes = 1; repeated VertexStatus statuses = 2; repeated VertexLog logs = 3; repeated VertexWarning warnings = 4;
}
message Vertex { string digest = 1; string name = 3; bool cached = 4; Timestamp started = 5; Timestamp completed = 6; string error = 7; }
message VertexStatus { string ID = 1; string vertex = 2; string name = 3; Timestamp started = 7; Timestamp completed = 8; }
message VertexLog { string vertex = 1; Timestamp timestamp = 2; bytes msg = 4; }
message VertexWarning { string vertex = 1; bytes short = 3; }
message Timestamp { int64 seconds = 1; int32 nanos = 2; }
`;

const StatusResponse = protobuf
  .parse(PROTO, { keepCase: true })
  .root.lookupType('moby.buildkit.v1.StatusResponse');

interface Time {
  readonly seconds?: number;
  readonly nanos?: number;
}

interface Decoded {
  readonly vertexes?: readonly {
    digest?: string;
    name?: string;
    cached?: boolean;
    started?: Time;
    completed?: Time;
    error?: string;
  }[];
  readonly statuses?: readonly {
    ID?: string;
    vertex?: string;
    name?: string;
    started?: Time;
    completed?: Time;
  }[];
  readonly logs?: readonly { vertex?: string; timestamp?: Time; msg?: Uint8Array }[];
  readonly warnings?: readonly { vertex?: string; short?: Uint8Array }[];
}

/** Decodes the `aux` of a `moby.buildkit.trace` document. */
export function decodeTrace(base64: string): Trace {
  const message = StatusResponse.decode(Buffer.from(base64, 'base64'));
  const {
    vertexes = [],
    statuses = [],
    logs = [],
    warnings = [],
  }: Decoded = StatusResponse.toObject(message, {
    longs: Number,
  });
  return {
    vertexes: vertexes.map((vertex) => ({
      digest: vertex.digest ?? '',
      name: vertex.name ?? '',
      cached: vertex.cached ?? false,
      startedSeconds: seconds(vertex.started),
      completedSeconds: seconds(vertex.completed),
      error: vertex.error ?? '',
    })),
    statuses: statuses.map((status) => ({
      id: status.ID ?? '',
      vertex: status.vertex ?? '',
      name: status.name ?? '',
      startedSeconds: seconds(status.started),
      completedSeconds: seconds(status.completed),
    })),
    logs: logs.map((log) => ({
      vertex: log.vertex ?? '',
      timeSeconds: seconds(log.timestamp),
      bytes: Buffer.from(log.msg ?? []),
    })),
    warnings: warnings.map((warning) => ({
      vertex: warning.vertex ?? '',
      text: Buffer.from(warning.short ?? []).toString(),
    })),
  };
}

function seconds(time: Time | undefined): number | undefined {
  return time && (time.seconds ?? 0) + (time.nanos ?? 0) / 1e9;
}
