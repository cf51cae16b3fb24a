import { fieldsOf, isEmpty } from './json-body.ts';
import { quoted } from './judge-volume.ts';

/** The body of `POST /networks/create`: bridges only, as other drivers take hold of the sidecar's own interfaces. */
export function judgeNetwork(body: unknown): string | undefined {
  const { driver, ipam } = fieldsOf(body, 'the body');
  if (!isEmpty(driver) && driver !== 'bridge') return `network driver ${quoted(driver)}`;
  const { driver: ipamDriver } = fieldsOf(ipam, 'IPAM');
  return isEmpty(ipamDriver) || ipamDriver === 'default' ? undefined : `IPAM driver ${quoted(ipamDriver)}`;
}
