using Harness.Model;

namespace Harness.Emit;

/// <summary>
/// Writes programs as Zig: one file that imports <c>zig-fixtures/support/support.zig</c> as module <c>rt</c> and
/// exports the table <c>hs_unit</c> (docs/RUNTIME-ABI.md). The text is what <c>zig fmt</c> would make of it.
/// <para>
/// Programs must be well-formed (the model's validator); what Zig refuses in others is not looked for here. Constants
/// never meet Zig's evaluation at compile time in a place where it matters: branches go through <c>rt.mod</c>, so no
/// branch is known before the run, every statement is compiled and an inferred error set holds what its body raises.
/// </para>
/// </summary>
public static class ZigEmitter
{
    public static EmittedUnit Emit(IReadOnlyList<FiberProgram> programs)
    {
        var writer = new SourceWriter();
        var types = new TypeNames(programs);
        writer.Line("const rt = @import(\"rt\");");
        writer.Blank();
        writer.Line("pub const panic = rt.panic;");
        types.WriteDeclarations(writer);
        for (var i = 0; i < programs.Count; i++)
        {
            writer.Blank();
            new ProgramWriter(writer, i, programs[i], types).Write();
        }

        writer.Blank();
        WriteTable(writer, programs.Count);
        return writer.Finish();
    }

    private static void WriteTable(SourceWriter writer, int count)
    {
        if (count == 0)
        {
            writer.Line("const programs = [_]rt.Program{};");
        }
        else
        {
            writer.Open("const programs = [_]rt.Program{");
            for (var i = 0; i < count; i++)
            {
                writer.Line($"rt.program(&{ProgramWriter.Namespace(i)}.fibers),");
            }

            writer.Close("};");
        }

        writer.Blank();
        writer.Line("export const hs_unit = rt.unit(&programs);");
    }
}
