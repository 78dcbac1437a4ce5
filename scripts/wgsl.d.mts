/** What is wrong with a shader, and where: its message starts with `shaders/file.wgsl:line`. */
export class WgslError extends Error {}

/** A shader in plain WGSL, and what its launcher must know of it. */
export interface CompiledShader {
  /** The path in shaders/ without its ending. */
  readonly name: string;
  /** Without comments, indentation and empty lines. */
  readonly code: string;
  /** Lines of the code, each with the file and line that it came from. */
  readonly lines: readonly { readonly text: string; readonly file: string; readonly line: number }[];
  /** Types of the uniforms by name, in the order of the struct. */
  readonly uniforms: Readonly<Record<string, string>>;
  readonly entryPoints: readonly string[];
  readonly overrides: readonly string[];
  /** Numbers of the operations that its switch names. */
  readonly operations: Readonly<Record<string, number>>;
}

/** Compiles a shader; `read` gives a file's text by its path in shaders/, or undefined. */
export function compileShader(file: string, read: (file: string) => string | undefined): CompiledShader;
/** The TypeScript module of these shaders. */
export function moduleOf(shaders: readonly CompiledShader[]): string;
/** The name of a shader's constant in the module. */
export function identifierOf(name: string): string;
