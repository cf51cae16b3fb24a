import type { Diagnosis } from '../../../model/schema/diagnosis.ts';
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
    import('../doctor/diagnose.ts'),
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
  const rows = diagnoses.map(({ part, ok, version, where, message }) => {
    const facts = [version, where].filter((fact) => fact !== undefined).join(', ');
    return [
      ok ? paint('green', '✓') : paint('red', '✗'),
      part,
      facts === '' ? message : `${message} ${paint('dim', `(${facts})`)}`,
    ];
  });
  const wrong = diagnoses.filter(({ ok }) => !ok);
  if (wrong.length === 0) return [...renderTable(rows), '', 'Nothing is wrong.'];
  return [
    ...renderTable(rows),
    '',
    // What is to be typed stands alone on its line, so that it can be copied.
    ...wrong.flatMap(({ part, todo = '' }) => {
      const [before, command] = todo.split(/^Type: /);
      return command === undefined ? [`${part}: ${before}`] : [`${part}: type`, `  ${command}`];
    }),
  ];
}
