/**
 * Chooses the policy that chooses victims.
 */
import { AdaptivePolicy } from './adaptive-policy.js';
import { LruPolicy } from './lru-policy.js';
import type { Policy, Resident } from './resident.js';
import { SwappabilityPolicy } from './swappability-policy.js';

export type PolicyKind = 'adaptive' | 'lru' | 'swappability';

/**
 * @param capacityBytes What the candidates may take in memory, by their `size`.
 * @param random Returns 32 random bits.
 */
export function createPolicy<E extends Resident>(
  kind: PolicyKind,
  capacityBytes: number,
  random: () => number,
): Policy<E> {
  if (kind === 'lru') return new LruPolicy<E>();
  if (kind === 'swappability') return new SwappabilityPolicy<E>(random);
  return new AdaptivePolicy<E>(capacityBytes, random);
}
