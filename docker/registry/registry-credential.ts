/** What is said to one registry, in the words of the engine's API. */
export interface RegistryCredential {
  readonly username?: string;
  readonly password?: string;
  readonly identitytoken?: string;
  readonly registrytoken?: string;
}
