import type { Diagnosis } from '../../model/schema/diagnosis.ts';

/** Our environment without the machine's own variables about services, which are not a test's of doctor. */
export const cleanEnv: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) => !/^(SLIPWAY_|TEMPORAL_|DOCKER_|AWS_|NODE_OPTIONS)/.test(name),
  ),
);

/** What is said of a part. */
export function diagnosisOf(part: string, diagnoses: readonly Diagnosis[]): Diagnosis {
  const found = diagnoses.find((one) => one.part === part);
  if (!found) throw new Error(`Nothing is said of ${part}: ${JSON.stringify(diagnoses)}`);
  return found;
}

export const wrongParts = (diagnoses: readonly Diagnosis[]): string[] =>
  diagnoses.filter(({ ok }) => !ok).map(({ part }) => part);
