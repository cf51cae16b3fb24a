/** The throttle decides how fast a cancel arrives: beats are handed to the server every half second. */
export const HEARTBEAT_THROTTLE = {
  maxHeartbeatThrottleInterval: '500ms',
  defaultHeartbeatThrottleInterval: '500ms',
} as const;
