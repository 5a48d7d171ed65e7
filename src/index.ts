/** All that users import. */
export { SwapError, type SwapErrorCode } from './errors.js';
