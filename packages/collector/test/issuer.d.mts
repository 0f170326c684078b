export function startIssuer(redirectUri: string): Promise<{ readonly issuer: string; close(): void }>;
