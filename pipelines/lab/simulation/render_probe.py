"""Check whether this machine can render pictures without a display."""

from pipelines.errors import PipelineError

SCENE = """
<mujoco>
  <worldbody>
    <light pos="0 0 3"/>
    <camera name="eye" pos="0 -2 1" xyaxes="1 0 0 0 0.4 1"/>
    <geom type="sphere" size="0.4" rgba="1 0.5 0.2 1"/>
  </worldbody>
</mujoco>
"""


def render_problem() -> str:
    """Render one small picture; return the problem, or an empty text.

    A missing library can raise any of several errors, on import or later.
    """
    try:
        import mujoco

        model = mujoco.MjModel.from_xml_string(SCENE)
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        with mujoco.Renderer(model, 48, 64) as renderer:
            renderer.update_scene(data, camera="eye")
            picture = renderer.render()
    except ModuleNotFoundError as err:
        return f"{err.name} is not installed; pip install --editable '.[lab]' adds it"
    except (ImportError, AttributeError, OSError, RuntimeError) as err:
        return " ".join(str(err).split()) or type(err).__name__
    return "" if picture.max() > picture.min() else "the picture came out empty"


def require_rendering() -> None:
    """Refuse to begin work that needs rendering if this machine cannot render.

    Raises:
        PipelineError: If ``render_problem`` finds a problem.
    """
    problem = render_problem()
    if problem:
        msg = f"no picture can be rendered here: {problem}; see wardwatch doctor"
        raise PipelineError(msg)
