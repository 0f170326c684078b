export { type Agreement, agreementOf } from './agreement.js';
export { Approvals } from './approvals.js';
export { ApprovalError } from './error.js';
export { type Approval, type ApprovalRequest, approvalRequestSchema, type DecisionWay, decisionSchema } from './model.js';
