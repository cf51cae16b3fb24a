import type { Diagnosis } from '../../../stack/diagnosis.ts';
import type { ExitCode } from '../exit-codes.ts';
import { EXIT } from '../exit-codes.ts';
import { jsonOption } from '../options.ts';
import type { Session } from '../session.ts';
import type { Terminal } from '../terminal.ts';
import { defineVerb } from '../verb.ts';

interface DoctorArgs {
  readonly json: boolean;
}

export const doctorVerb = defineVerb<DoctorArgs>({
  command: 'doctor',
  describe: 'Look at every part, say what is wrong and how to mend it',
  options: (cli) =>
    cli
      .option('json', jsonOption)
      .example('$0 doctor', 'Exit code 3 when something is wrong')
      .example('$0 doctor --json', 'For programs'),
  run: doctor,
});

async function doctor({ json }: DoctorArgs, { terminal, env }: Session): Promise<ExitCode> {
  const [{ diagnose }, { stateDirectory }] = await Promise.all([
    import('../../../stack/diagnose.ts'),
    import('../../../workers/connections.ts'),
  ]);
  const diagnoses = await diagnose({ stateDirectory: stateDirectory(env), env });
  if (json) terminal.print(JSON.stringify(diagnoses));
  else for (const line of await renderDiagnoses(diagnoses, terminal)) terminal.print(line);
  return diagnoses.every(({ ok }) => ok) ? EXIT.good : EXIT.infrastructure;
}

async function renderDiagnoses(
  diagnoses: readonly Diagnosis[],
  { paint }: Pick<Terminal, 'paint'>,
): Promise<string[]> {
  const { renderTable } = await import('../render/table.ts');
  const rows = diagnoses.map(({ part, ok, version = '', where = '', message }) => [
    ok ? paint('green', '✓') : paint('red', '✗'),
    part,
    version,
    message,
    where,
  ]);
  const todos = diagnoses.flatMap(({ part, ok, todo }) => (ok || !todo ? [] : [`${part}: ${todo}`]));
  return [...renderTable(rows), ...(todos.length > 0 ? ['', ...todos] : [])];
}
