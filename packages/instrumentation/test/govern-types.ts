/** The parts of the frameworks' interfaces that a test uses: they are installed apart, where the compiler does not look. */
interface LangChainTool {
  invoke(input: object): Promise<unknown>;
}
export declare const langchain: {
  DynamicStructuredTool: new (options: {
    name: string;
    description: string;
    schema: object;
    func(input: { q: string }): Promise<string>;
  }) => LangChainTool;
  StructuredTool: new () => LangChainTool;
};

export declare const openAiAgents: {
  setTracingDisabled(disabled: boolean): void;
  tool(options: { name: string; description: string; parameters: unknown; execute(input: { q: string }): Promise<string> }): object;
  Agent: new (options: object) => object;
  Usage: new () => object;
  run(agent: object, input: string): Promise<{ finalOutput: unknown }>;
};

export declare const zod: { z: { object(shape: object): unknown; string(): unknown } };

export declare const anthropic: {
  betaTool(options: { name: string; description: string; inputSchema: object; run(input: { q: string }): string }): {
    run(input: { q: string }, context: object): unknown;
  };
};
